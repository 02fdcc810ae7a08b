"""Running notebooks, and storing their outputs."""

import json
import sys

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook, new_output
from store_outputs import absolute_paths, execute, store, tidy


def notebook_of(*sources):
    cells = [new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = ["parameters"]
    return new_notebook(cells=cells)


def printed(notebook):
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    return "".join(output.text for output in outputs)


@pytest.mark.integration
def test_runs_this_python_whatever_kernels_the_user_has(tmp_path, monkeypatch):
    kernel = {"argv": ["/bin/false"], "display_name": "Another", "language": "python"}
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(kernel))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    found = KernelSpecManager().get_kernel_spec("python3")
    assert found.argv == ["/bin/false"]  # It would be taken.
    source = "import sys, pathlib\nprint(sys.executable, pathlib.Path().resolve())"
    notebook = execute(notebook_of(source), tmp_path)
    assert printed(notebook) == f"{sys.executable} {tmp_path}\n"


@pytest.mark.integration
def test_parameters_take_the_place_of_those_of_the_notebook(tmp_path):
    notebook = notebook_of("A = 1\nB = 2", "print(A, B)")
    assert printed(execute(notebook, tmp_path, {"B": "two"})) == "1 two\n"
    assert len(notebook.cells) == 2
    with pytest.raises(ValueError, match="no parameter 'C'"):
        execute(notebook, tmp_path, {"C": 3})


def test_tidy_leaves_what_all_runs_share():
    cell = new_code_cell("1", execution_count=4)
    cell.metadata = {"tags": ["parameters"], "execution": {"iopub.status.busy": "now"}}
    noise = "I0000 00:00:17.1  9 a.h:1] Noise.\r\n", "Reading:   0%|   | 0/9\r\n"
    noise += ("Bar: 7%|WARNING: All log messages before absl::It are\n", "\x1b[A")
    kept = "Reading: 100%|███| 9/9\n", "70% of I0000\n", "I am 0.\n"
    text = "a\r\n" + "".join(map("".join, zip(noise, (*kept, "b"), strict=True)))
    cell.outputs = [new_output("stream", text=text)]
    before = new_notebook(cells=[cell], metadata={"language_info": {"name": "R"}})
    after = tidy(before)
    assert after.metadata == {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    assert after.cells[0].metadata == {"tags": ["parameters"]}
    assert after.cells[0].outputs[0].text == "a\n" + "".join(kept) + "b"
    assert before.cells[0].metadata != after.cells[0].metadata
    nbformat.validate(after)


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("saved in '/home/me/runs'.", ["/home/me/runs"]),
        ("data=/root/x-1.0, /usr/lib", ["/root/x-1.0", "/usr/lib"]),
        ("runs/quickstart-1/model, 12 images/s/core, https://a.b/c/d, </b/c>", []),
        ("either/or /alone", []),
    ],
)
def test_absolute_paths_are_found_in_text(text, paths):
    outputs = [
        new_output("stream", text=text),
        new_output("display_data", data={"text/plain": text}),
    ]
    for output in outputs:
        cell = new_code_cell(outputs=[output])
        assert absolute_paths(new_notebook(cells=[cell])) == paths
    # Base64 has slashes, too.
    picture = new_output("display_data", data={"image/png": text})
    assert absolute_paths(new_notebook(cells=[new_code_cell(outputs=[picture])])) == []


class TestStore:
    @pytest.mark.integration
    def test_puts_the_outputs_into_the_file(self, tmp_path):
        path = tmp_path / "a.ipynb"
        nbformat.write(notebook_of("print('a')", "open('b', 'w').close()"), path)
        store(path)
        stored = nbformat.read(path, as_version=4)
        assert printed(stored) == "a\n"
        assert stored == tidy(stored)
        assert [each.name for each in tmp_path.iterdir()] == ["a.ipynb"]

    @pytest.mark.slow
    @pytest.mark.integration
    @pytest.mark.parametrize(
        ("source", "error"),
        [("1 / 0", CellExecutionError), ("import os; os.getcwd()", ValueError)],
    )
    def test_leaves_a_notebook_that_cannot_be_shown(self, tmp_path, source, error):
        path = tmp_path / "a.ipynb"
        nbformat.write(notebook_of("print('a')", source), path)
        before = path.read_bytes()
        with pytest.raises(error):
            store(path)
        assert path.read_bytes() == before
