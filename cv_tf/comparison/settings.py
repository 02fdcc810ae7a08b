"""What is to be compared."""

from __future__ import annotations

import dataclasses

from cv_tf.settings import ConfigError, check_all, setting

_LARGEST_SEED = 2**31 - 1


@dataclasses.dataclass(kw_only=True)
class CompareConfig:
    """What is compared; all other flags hold for every recipe.

    Raises:
      ConfigError: At construction, if a value cannot be used.
    """

    configs: tuple[str, ...] = setting(
        (), "Recipes, comma-separated: files of flags of python -m cv_tf.train."
    )
    seeds: tuple[str, ...] = setting(
        ("0", "1", "2"), "Each recipe is trained once with each, comma-separated."
    )
    images: int = setting(
        0,
        "Photos that each training sees, which makes its steps: this by its batch "
        "size. 0 keeps the steps of each recipe.",
        minimum=0,
    )
    workdir: str = setting("", "Folder of the comparison, with one of each run in it.")
    page: bool = setting(True, "Also write a page, with photos of what is found.")

    def __post_init__(self):
        check_all(self)
        if not self.configs or "" in self.configs:
            raise ConfigError(
                "--configs names no recipe, or has an empty entry. Name files such as "
                "--configs=configs/hm_cvssl.cfg,configs/hm_simclr.cfg."
            )
        if not self.workdir:
            raise ConfigError(
                "--workdir is not set. Name a folder for the runs and the table."
            )
        texts = tuple(map(str, self.seeds))
        seeds = [int(text) if text.isdecimal() else -1 for text in texts]
        if not all(0 <= seed <= _LARGEST_SEED for seed in seeds or [-1]):
            raise ConfigError(
                f"--seeds={','.join(texts)} must be numbers from 0 to "
                f"{_LARGEST_SEED}, such as --seeds=0,1,2."
            )
        if len(set(seeds)) < len(seeds):
            raise ConfigError(f"--seeds={','.join(texts)} names a seed twice.")
        self.seeds = tuple(map(str, seeds))

    @property
    def seed_numbers(self) -> tuple[int, ...]:
        """`seeds` as numbers."""
        return tuple(map(int, self.seeds))
