"""Runs the notebooks of this folder from top to bottom and stores their outputs.

  python colab/store_outputs.py                  # all of them
  python colab/store_outputs.py colab/tpu.ipynb
  python colab/store_outputs.py --address        # runs nothing, writes the address

Each runs in an empty folder, with the Python that runs this file and the cv_tf beside
it, and then has the address of address.py in its first cell and its badge. A notebook
that fails, or whose outputs tell of this machine's folders, is left as it was.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import nbformat
from address import REPOSITORY
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

from cv_tf.atomic import whole_file

FOLDER = Path(__file__).parent
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
_PATIENCE = 600  # Seconds, until a kernel starts on a busy machine.
# What TensorFlow logs in spite of TF_CPP_MIN_LOG_LEVEL, progress bars that it wrote
# into, and moves of the cursor.
_NOISE = re.compile(
    r"^(.*WARNING: All log messages before absl|[IWEF]\d{4} [\d:]{8}|.*\b\d\d?%\|).*\n"
    r"|\x1b\[[\d;]*[A-Za-z]",
    re.MULTILINE,
)
_COLAB = "https://colab.research.google.com/github/"
# Two names after a slash that no other word or sign leads to.
_ABSOLUTE_PATH = re.compile(r"(?<![\w.:/<-])/\w[\w.-]*/\w[\w./-]*")


def execute(
    notebook: NotebookNode,
    folder: Path,
    parameters: Mapping[str, Any] = MappingProxyType({}),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> NotebookNode:
    """Runs a notebook with this Python, whatever kernels are installed.

    Args:
      notebook: It is left as it is.
      folder: Where it runs.
      parameters: Values that take the place of those of the cell tagged "parameters".
      environment: Variables that are added to those of this process.

    Returns:
      The notebook with its outputs; a cell more where there are parameters.

    Raises:
      nbclient.exceptions.CellExecutionError: If a cell fails.
      ValueError: If the notebook has no parameter of that name.
    """
    notebook = _with_parameters(notebook, parameters)
    # Without folders to look in, the only kernel is that of this Python.
    kernels = KernelSpecManager(kernel_dirs=[])
    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_name="python3", kernel_spec_manager=kernels),
        startup_timeout=_PATIENCE,
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        coalesce_streams=True,  # A progress bar is its last line.
    )
    paths = [str(FOLDER.resolve().parent), os.environ.get("PYTHONPATH", "")]
    python_path = os.pathsep.join(filter(None, paths))
    variables = os.environ | {"PYTHONPATH": python_path} | environment
    return client.execute(env=variables, cleanup_kc=True)


def _with_parameters(
    notebook: NotebookNode, parameters: Mapping[str, Any]
) -> NotebookNode:
    notebook = nbformat.from_dict(notebook)
    if not parameters:
        return notebook
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    place = next(i for i, of_cell in enumerate(tags) if "parameters" in of_cell)
    for name in parameters:
        if not re.search(rf"^{name} = ", notebook.cells[place].source, re.MULTILINE):
            raise ValueError(f"The notebook has no parameter {name!r}.")
    lines = [f"{name} = {value!r}" for name, value in parameters.items()]
    cell = nbformat.v4.new_code_cell("\n".join(lines))
    notebook.cells.insert(place + 1, cell)
    return notebook


def tidy(notebook: NotebookNode) -> NotebookNode:
    """The notebook without what is of one run or machine only."""
    notebook = nbformat.from_dict(notebook)
    notebook.metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":
                output.text = _NOISE.sub("", output.text.replace("\r\n", "\n"))
    return nbformat.from_dict(notebook)


def absolute_paths(notebook: NotebookNode) -> list[str]:
    """The absolute paths in the text of a notebook's outputs."""
    texts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            texts += [output.get("text", ""), *output.get("traceback", ())]
            data = output.get("data", {})
            texts += [data[kind] for kind in data if kind.startswith("text/")]
    return [path for text in texts for path in _ABSOLUTE_PATH.findall(text)]


def with_address(notebook: NotebookNode, name: str) -> NotebookNode:
    """The notebook with the address of the repository.

    Args:
      notebook: It is left as it is.
      name: The name of its file in this folder.
    """
    notebook = nbformat.from_dict(notebook)
    place = f"{REPOSITORY.removeprefix('https://github.com/')}/blob/main/colab/{name}"
    for cell in notebook.cells:
        cell.source = re.sub(
            r"^REPOSITORY = .*$",
            f'REPOSITORY = "{REPOSITORY}"',
            cell.source,
            flags=re.M,
        )
        cell.source = re.sub(rf"{re.escape(_COLAB)}[^)]*", _COLAB + place, cell.source)
    return nbformat.from_dict(notebook)


def store(path: Path, run: bool = True) -> None:
    """Runs a notebook and stores its outputs in it; the file appears whole.

    Args:
      path: The notebook.
      run: Whether to run it, or to write the address of the repository alone.

    Raises:
      nbclient.exceptions.CellExecutionError: If a cell fails.
      ValueError: If an output names a folder of this machine.
    """
    notebook = with_address(nbformat.read(path, as_version=4), path.name)
    if run:
        with tempfile.TemporaryDirectory() as folder:
            notebook = tidy(execute(notebook, Path(folder)))
    paths = absolute_paths(notebook)
    if paths:
        raise ValueError(
            f"{path}: the outputs name {', '.join(paths)}, which others do not have. "
            "Use relative paths in the notebook."
        )
    with whole_file(path) as unfinished:
        nbformat.write(notebook, unfinished)


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", type=Path, nargs="*", help="none: all of them")
    parser.add_argument(
        "--address", action="store_true", help="run none, write the address alone"
    )
    arguments = parser.parse_args()
    for path in arguments.notebooks or sorted(FOLDER.glob("*.ipynb")):
        print(f"{'Writing' if arguments.address else 'Running'} {path}", flush=True)
        store(path, run=not arguments.address)


if __name__ == "__main__":
    main()
