from .bundle import (
    ExportAgreement as ExportAgreement,
    draw_photos as draw_photos,
    export_embedder as export_embedder,
)
from .card import write_card as write_card
