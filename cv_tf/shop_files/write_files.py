"""The file for a shop: its settings, its formats, and that it appears whole."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

from cv_tf import choices, command
from cv_tf.atomic import whole_files
from cv_tf.files import beside
from cv_tf.settings import ConfigError, setting
from cv_tf.shop_files.akeneo_csv import write_akeneo
from cv_tf.shop_files.json_lines import write_json_lines
from cv_tf.shop_files.listing import Listing, Notes, ShopFileError, ShopFileSummary
from cv_tf.shop_files.merchant_feed import write_merchant
from cv_tf.shop_files.shopify_csv import write_shopify
from cv_tf.shop_files.woocommerce_csv import write_woocommerce

_SUFFIXES = {
    "merchant": (".tsv", ".txt"),
    "shopify": (".csv",),
    "woocommerce": (".csv",),
    "akeneo": (".csv",),
    "jsonl": (".jsonl",),
}


@dataclasses.dataclass(kw_only=True)
class ShopFormatSettings:
    """The format of a file that a shop can load."""

    format: str = setting(
        "",
        "Format of a file that a shop can load. merchant: a feed of Google Merchant "
        "Center. shopify, woocommerce, akeneo: their files of products. jsonl: all "
        f"that is known, as JSON. One of: {', '.join(choices.SHOP_FORMATS)}; empty for "
        "no such file.",
    )
    currency: str = setting(
        "", "Currency of prices that name none, for --format=merchant, such as EUR."
    )
    akeneo_family_variant: str = setting(
        "",
        "Code of the family variant of the groups, with the one axis 'color', for "
        "--format=akeneo.",
    )


@dataclasses.dataclass(kw_only=True)
class ShopFileSettings(ShopFormatSettings):
    """Settings of the file for a shop that a command writes with `--shop_file`."""

    shop_file: str = setting(
        "",
        "File that a shop can load, with the groups as products and their variants; "
        "empty for none. Its --format says what it holds.",
    )


def check_shop_settings(settings: ShopFormatSettings) -> None:
    """Checks that the settings of the file for a shop go together.

    Raises:
      ConfigError: If they do not; the message names the flag.
    """
    formats = "|".join(choices.SHOP_FORMATS)
    if settings.format and settings.format not in choices.SHOP_FORMATS:
        raise ConfigError(f"--format={settings.format} is not one of: {formats}.")
    if isinstance(settings, ShopFileSettings):
        _check_named(settings, formats)
    if (settings.format == "akeneo") != bool(settings.akeneo_family_variant):
        raise ConfigError(
            "--format=akeneo and --akeneo_family_variant go together: a group is a "
            "product model, which is of this family variant. Pass both, or none."
        )
    if settings.currency and not re.fullmatch("[A-Z]{3}", settings.currency):
        raise ConfigError(
            f"--currency={settings.currency} is not a code of three capital letters, "
            "such as EUR."
        )


def _check_named(settings: ShopFileSettings, formats: str) -> None:
    """Checks that a file has a format, and a format a file."""
    if settings.format and not settings.shop_file:
        name = f"shop{_SUFFIXES[settings.format][0]}"
        raise ConfigError(
            f"--format={settings.format} is that of a file for a shop, and no file is "
            f"named. Name it: --shop_file={name}."
        )
    if settings.shop_file and not settings.format:
        raise ConfigError(
            f"--shop_file={settings.shop_file} has no format. Say what is to load it: "
            f"--format={formats}."
        )


def check_shop_file(settings: ShopFileSettings, overwrite: bool) -> tuple[Path, ...]:
    """The files to write, `--shop_file` first; none if none is asked for.

    Raises:
      ConfigError: If one of them cannot be written.
    """
    if not settings.shop_file:
        return ()
    suffixes = _SUFFIXES[settings.format]
    asked = (settings.shop_file, overwrite, suffixes, "--shop_file")
    first = command.check_output(*asked)
    paths = shop_file_paths(first, settings.format)
    for path in paths[1:]:
        command.check_free(path, overwrite)
    return paths


def shop_file_suffix(format: str) -> str:  # noqa: A002
    """How the name of a file of this format ends.

    Example:
      >>> shop_file_suffix("merchant")
      '.tsv'
    """
    return _SUFFIXES[format][0]


def shop_file_paths(path: Path, format: str) -> tuple[Path, ...]:  # noqa: A002
    """The files that a format has: `path`, and what goes with it.

    Example:
      >>> [str(it) for it in shop_file_paths(Path("a.csv"), "akeneo")]
      ['a.csv', 'a.models.csv', 'a.options.csv']
    """
    if format != "akeneo":
        return (path,)
    return (path, beside(path, "models.csv"), beside(path, "options.csv"))


def write_shop_file(
    path: Path,
    format: str,  # noqa: A002 (the name of the flag)
    listing: Listing,
    *,
    currency: str = "",
    akeneo_family_variant: str = "",
) -> ShopFileSummary:
    """Writes the file for a shop and what goes with it; they appear together.

    The text of products is written as it is, also where it begins as a formula of a
    spreadsheet does: what loads the file would take a mark for a letter.

    Args:
      path: File to write.
      format: One of `cv_tf.choices.SHOP_FORMATS`.
      listing: The products and their groups.
      currency: Currency of prices that name none, for "merchant".
      akeneo_family_variant: Code of the family variant, for "akeneo".

    Returns:
      What was written, and what had to be cut or left out.

    Raises:
      UserError: If the format is unknown, or the family variant is missing.
    """
    choices.check("format", format, choices.SHOP_FORMATS)
    paths = shop_file_paths(Path(path), format)
    with whole_files(*paths) as made:
        return fill_shop_files(
            made,
            format,
            listing,
            currency=currency,
            akeneo_family_variant=akeneo_family_variant,
        )


def fill_shop_files(
    paths: Sequence[Path],
    format: str,  # noqa: A002
    listing: Listing,
    *,
    currency: str = "",
    akeneo_family_variant: str = "",
) -> ShopFileSummary:
    """As `write_shop_file`, to the names that `whole_files` gives for its files."""
    notes = Notes()
    if format == "merchant":
        return write_merchant(paths[0], listing, notes, currency)
    if format == "shopify":
        return write_shopify(paths[0], listing, notes)
    if format == "woocommerce":
        return write_woocommerce(paths[0], listing, notes)
    if format == "jsonl":
        return write_json_lines(paths[0], listing)
    if not akeneo_family_variant:
        raise ShopFileError(
            "Product models of Akeneo are of a family variant, and none is named. Pass "
            "its code as akeneo_family_variant."
        )
    return write_akeneo(paths, listing, notes, akeneo_family_variant)
