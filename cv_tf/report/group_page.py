"""Groups as a page: failures first, then all of them, to sort and to filter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cv_tf.embeddings import Embeddings
from cv_tf.grouping import Calibration, Grouped
from cv_tf.grouping.find import DOUBTFUL_BELOW
from cv_tf.metrics import grouping_figures
from cv_tf.metrics.figures import defined
from cv_tf.report.curve import Curve, lay_out_curve
from cv_tf.report.group_cards import lay_out_groups
from cv_tf.report.groups import summary_lines
from cv_tf.report.page import write_page
from cv_tf.report.page_photos import fit_photos
from cv_tf.report.page_products import Styles
from cv_tf.report.page_settings import PageSettings


def write_group_page(
    path: Path,
    grouped: Grouped,
    embeddings: Embeddings,
    summary: Mapping[str, Any],
    settings: PageSettings,
    styles: Styles | None = None,
    calibration: Calibration | None = None,
    labels_chose: bool = False,
) -> None:
    """Writes the page; it appears whole or not at all.

    Args:
      path: Of the file.
      grouped: The groups.
      embeddings: Of the same products, in the same rows.
      summary: As `python -m cv_tf.group` writes it.
      settings: How many photos the page may hold.
      styles: What is known of the truth, with two products of one style; None if
        nothing is.
      calibration: Of the threshold; None without one.
      labels_chose: Whether the threshold was chosen on the same labels.
    """
    cards = lay_out_groups(grouped, embeddings, styles.number if styles else None)
    image = embeddings.image[cards.rows]
    has_photo = cards.shown_first[image[cards.shown_first] != ""]
    photos = fit_photos(has_photo.tolist(), image.__getitem__, settings)
    write_page(
        path,
        "groups.html.j2",
        scripts=("deck.js", "groups.js"),
        name=embeddings.name,
        threshold_source=summary["threshold_source"],
        facts=summary_lines(summary),
        figures=defined(_figures(grouped, styles)),
        labels_chose=labels_chose,
        num_labelled=int((styles.number >= 0).sum()) if styles else 0,
        curve=_curve(calibration),
        notes=photos.notes(),
        doubtful_below=DOUBTFUL_BELOW,
        data=cards.columns
        | {
            "styles": styles.names if styles else (),
            "doubtful": round(DOUBTFUL_BELOW * 1000),
            "photos": photos.of,
        },
    )


def _figures(grouped: Grouped, styles: Styles | None) -> dict[str, float]:
    if styles is None:
        return {}
    # Comparing numbers is many times as fast as comparing names.
    _, group = np.unique(grouped.named.group_id, return_inverse=True)
    return grouping_figures(group, styles.number)


def _curve(calibration: Calibration | None) -> Curve | None:
    if calibration is None:
        return None
    return lay_out_curve(calibration.curve, calibration.threshold)
