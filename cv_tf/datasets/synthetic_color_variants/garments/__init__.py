"""The categories that can be drawn: each a menu of fields and a drawing of them."""

from cv_tf.datasets.synthetic_color_variants.design import Garment
from cv_tf.datasets.synthetic_color_variants.garments import (
    bag,
    dresses_and_skirts as dress,
    hoodie,
    jacket,
    shirts_and_jackets as shirt,
    shoe,
    skirt,
    sweater,
    tops as tshirt,
    trousers,
)

GARMENTS: dict[str, Garment] = {
    "Bag": bag.GARMENT,
    "Dress": dress.GARMENT,
    "Hoodie": hoodie.GARMENT,
    "Jacket": jacket.GARMENT,
    "Shirt": shirt.GARMENT,
    "Shoe": shoe.GARMENT,
    "Shorts": trousers.SHORTS,
    "Skirt": skirt.GARMENT,
    "Sweater": sweater.GARMENT,
    "T-shirt": tshirt.GARMENT,
    "Trousers": trousers.TROUSERS,
}
