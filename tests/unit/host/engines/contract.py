"""What `dodai.engine` takes for granted of an engine. The stand-in and the real ones pass the same class of tests."""

from __future__ import annotations

import sys

from dodai import engine, process


class EngineContract:
    """Subclasses give `subject`, an engine with a local image `image` (with my_init) and a running container `container`."""

    def test_image_exists(self, subject: engine.Engine, image: str) -> None:
        assert subject.image_exists(image)
        identity = subject.image_id(image)
        assert identity is not None
        assert identity.startswith("sha256:")
        assert len(identity) == 71

    def test_missing_image(self, subject: engine.Engine) -> None:
        assert subject.image_id("dodai-no-such-image:none") is None
        assert subject.inspect_image("dodai-no-such-image:none") is None

    def test_missing_container(self, subject: engine.Engine) -> None:
        assert subject.inspect("dodai-no-such-container") is None

    def test_inspect_by_name_and_by_id(self, subject: engine.Engine, container: str) -> None:
        found = subject.inspect(container)
        assert found is not None
        assert found["Name"].removeprefix("/") == container
        assert found["State"]["Running"] is True
        assert not found["State"].get("Paused")
        again = subject.inspect(found["Id"][:12])
        assert again is not None
        assert again["Id"] == found["Id"]

    def test_containers(self, subject: engine.Engine, container: str) -> None:
        found = subject.inspect(container)
        assert found is not None
        assert (found["Id"], container) in subject.containers()
        assert (found["Id"], container) in subject.containers(everything=True)

    def test_exec_hands_on_arguments_output_and_code(self, subject: engine.Engine, container: str) -> None:
        words = ["sh", "-c", 'printf "<%s>" "$@"; echo no >&2; exit 7', "x", "a  b", "", "'$HOME'", "ü"]
        done = subject.exec(container, words, doing="say", check=False)
        assert done.stdout == "<a  b><><'$HOME'><ü>"
        assert done.stderr == "no\n"
        assert done.code == 7

    def test_exec_hands_on_stdin(self, subject: engine.Engine, container: str) -> None:
        done = process.run(subject.exec_command(["-i"], container, ["cat"]), doing="copy", input=b"one\ntwo")
        assert done.stdout == "one\ntwo"

    def test_run_hands_on_output_and_code(self, subject: engine.Engine, image: str) -> None:
        argv = subject.run_command(
            ["--rm", "--network=none", "--entrypoint=/sbin/my_init"], image, ["--quiet", "--", "sh", "-c", "echo out; exit 9"]
        )
        done = process.run(argv, doing="run", check=False)
        assert (done.stdout, done.code) == ("out\n", 9)

    def test_run_does_not_pull(self, subject: engine.Engine) -> None:
        done = process.run(subject.run_command(["--rm"], "dodai-no-such-image:none", ["true"]), doing="run", check=False)
        assert done.code == 125, (done.stderr, sys.version)
