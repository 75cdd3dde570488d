"""Images that Dodai can make itself: asked for by name, built when the engine lacks them."""

from __future__ import annotations

from dodai import engine, errors, output, paths


def ensure(into: engine.Engine, reference: str) -> None:
    """Make sure that `into` has `reference`: build and load it when it is one of ours and missing.

    Raises errors.ImageMissing when it is missing and not ours, errors.BuildFailed when it cannot be built.
    """
    if into.image_exists(reference):
        return
    # Only now, so that a call that finds its image does not pay for reading what a build needs.
    from dodai.features.build import execute, names, packages, plan

    source = paths.image_dir()
    catalogue = packages.load(source / packages.FILE)
    found = names.find_build(reference, catalogue.suites, catalogue.variants)
    if found is None:
        raise errors.ImageMissing(
            f'cannot run "{reference}": {into.kind} has no such image',
            hint=f"{into.kind} pull {reference}, or dodai build for one of ours",
        )
    suite, variant, without = found
    build = plan.make(plan.Request(suite=suite, variant=variant, without=without), catalogue)
    output.say(f"{into.kind} has no {names.with_tag(reference)} yet: building it, once")
    built = execute.execute(build, image=source, load_into=into)
    output.say(f"built {build.title} in {built.seconds:.0f} s")
