"""What to do next, as a command ends by telling it."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from typing import NamedTuple

from cv_tf.progress import is_quiet

_WIDTH = 88


class NextStep(NamedTuple):
    """What can be done, in a sentence, and the command that does it.

    Attributes:
      sentence: The step in words, without a full stop.
      verb: The verb of `cv_tf`; "" if it takes none.
      flags: Flags of the verb, as `cv_tf.settings.to_flags` spells them.
    """

    sentence: str
    verb: str = ""
    flags: Sequence[str] = ()

    def text(self, program: str = "cv_tf") -> str:
        """The sentence, and the command below it as a shell takes it.

        Args:
          program: Command that runs this package.

        Example:
          >>> print(NextStep("Group them", "group", ["--output=my groups.csv"]).text())
            Group them:
              cv_tf group '--output=my groups.csv'
        """
        if not self.verb:
            return f"  {self.sentence}."
        lines = [f"    {program} {self.verb}"]
        for flag in map(shlex.quote, self.flags):
            if len(lines[-1]) + len(flag) + 3 > _WIDTH:  # A blank, and " \" behind it.
                lines[-1] += " \\"
                lines.append(f"        {flag}")
            else:
                lines[-1] += f" {flag}"
        return "\n".join([f"  {self.sentence}:", *lines])


def say_next(*steps: NextStep) -> None:
    """Prints what to do next, unless the command is to be quiet."""
    if steps and not is_quiet():
        print("\nWhat to do next:")
        for step in steps:
            print(step.text(_program()))


def _program() -> str:
    """How a shell runs this package: by its name, if that is on the path."""
    if shutil.which("cv_tf") or not sys.executable:
        return "cv_tf"
    return f"{shlex.quote(sys.executable)} -m cv_tf"


def look_at(page: object) -> NextStep:
    """The step to a page of groups, by its path."""
    return NextStep(f"Look at the groups: open '{page}' in a browser")


def group_step(embeddings: object, groups: object, page: object) -> NextStep:
    """The step from vectors to groups, by the paths of the files."""
    flags = (f"--embeddings={embeddings}", f"--output={groups}", f"--page={page}")
    sentence = "Find the groups of color variants, and see them on a page"
    return NextStep(sentence, "group", flags)


def review_step(embeddings: object, groups: object, answers: object) -> NextStep:
    """The step to the questions, by the paths of the files."""
    flags = (f"--embeddings={embeddings}", f"--groups={groups}", f"--answers={answers}")
    return NextStep("Ask people whether the groups are right", "review", flags)
