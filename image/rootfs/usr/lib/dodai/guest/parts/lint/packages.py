"""What apt has left in the image."""

from guest.parts.lint import finding, tree

_LISTS = b"/var/lib/apt/lists"


def check(where: tree.Tree) -> list[finding.Finding]:
    """Package lists, which are as good as old when the image is used."""
    left = [name for name in where.names(_LISTS) if where.is_file(_LISTS + b"/" + name) and name != b"lock"]
    if not left:
        return []
    size = sum(where.size(_LISTS + b"/" + name) for name in left) // 1_000_000
    why = f"{len(left)} package lists, {size} MB"
    remedy = "install with install_clean, or remove them in the RUN line that fetched them: rm -rf /var/lib/apt/lists/*"
    return [finding.Finding("apt-lists", _LISTS, why, remedy)]
