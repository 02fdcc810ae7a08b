"""What an installation takes on the disk, package by package.

    python3 -m venv plain
    plain/bin/pip install .
    plain/bin/python benchmarks/install_size.py

Counts the files that pip has listed, compiled modules among them, of all packages that
are installed beside the Python that runs this. Writes
benchmarks/results/install_size.md and .json.
"""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

from stored_tables import write_results

RESULTS = Path(__file__).parent / "results" / "install_size.md"
SMALL = 10  # Megabytes; packages below are added up, as "others".


def main() -> None:
    """Measures this installation, and writes the results."""
    sizes = {it.name: (size_of(it), it.version) for it in metadata.distributions()}
    largest = sorted(sizes.items(), key=lambda it: -it[1][0])
    small = [size for _, (size, _) in largest if size < SMALL]
    rows = [
        f"| {name} | {version} | {size:,.1f} |"
        for name, (size, version) in largest
        if size >= SMALL
    ]
    rows.append(f"| others | {len(small)} packages | {sum(small):,.1f} |")
    total = sum(size for size, _ in sizes.values())
    rows.append(f"| all | {len(sizes)} packages | {total:,.1f} |")
    text = "\n".join(
        [
            "# What an installation takes on the disk",
            "",
            f"`python benchmarks/install_size.py` after `pip install .` on "
            f"{platform.machine()}, Python {platform.python_version()}; megabytes are "
            "millions of bytes, compiled modules included.",
            "",
            "| package | version | MB |",
            "| --- | --- | ---: |",
            *rows,
            "",
        ]
    )
    print(text)
    write_results(RESULTS, text)


def size_of(package: metadata.Distribution) -> float:
    """Megabytes of all files of a package that are there."""
    paths = (Path(str(package.locate_file(file))) for file in package.files or ())
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


if __name__ == "__main__":
    main()
