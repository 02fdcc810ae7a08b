"""Listings of a few products."""

from collections.abc import Callable

import pytest

from cv_tf.shop_files import Listing

# Text that breaks files: quotes, line breaks, separators, formulas, markup, letters
# that are two characters, and one that is no text.
HOSTILE = (
    'He said "5" ' + "\u2013 a;b,c\td\r\ne\n",
    '=HYPERLINK("https://example.com","x")',
    "<script>alert('x')</script><b>bold</b>",
    "\U0001f457 dress \u00e9\u0301 \x00\x1b[31m",
    "x" * 6000,
    "-1+1",
    "@SUM(A1)",
    "a\\nb\\,c|d",
)


@pytest.fixture(scope="session")
def listing_of() -> Callable[..., Listing]:
    """A function from groups of products, and columns by product, to a listing."""

    def listing(groups, color=None, image=None, **extras) -> Listing:
        ids = [product for group in groups for product in group]
        group_of = {product: group for group in groups for product in group}

        def column(cells):
            return [(cells or {}).get(product, "") for product in ids]

        return Listing(
            product_id=ids,
            group_id=[group_of[it][0] for it in ids],
            representative=[group_of[it][0] for it in ids],
            group_size=[len(group_of[it]) for it in ids],
            color=column(color),
            image=column(image),
            extras={name: column(cells) for name, cells in extras.items()},
        )

    return listing


@pytest.fixture(scope="session")
def shop(listing_of) -> Listing:
    """A group of two, one of three with sizes, and one product alone."""
    titles = {"A1": "Shirt", "A2": "Shirt", "C": "Belt"}
    titles |= dict.fromkeys(("B1", "B2", "B3"), "Dress, long")
    links = {it: f"https://example.com/p/{it}" for it in titles}
    photos = {it: f"https://example.com/i/{it}.jpg" for it in titles}
    photos["B2"] = photos["B1"]
    color = {"A1": "Black", "A2": "Light Blue", "B1": "Red", "B2": "Red", "B3": "Sand"}
    return listing_of(
        [["A1", "A2"], ["B1", "B2", "B3"], ["C"]],
        color=color | {"C": "Brown"},
        image={it: f"images/{it}.jpg" for it in titles},
        title=titles,
        description={it: f"All about {it}" for it in titles},
        link=links,
        image_link=photos,
        price=dict.fromkeys(titles, "19.90 EUR") | {"C": "5 EUR"},
        sale_price={"A2": "15.00 EUR"},
        availability=dict.fromkeys(titles, "in stock") | {"C": "Out of stock"},
        brand=dict.fromkeys(titles, "Acme"),
        category=dict.fromkeys(titles, "Clothes > Shirts, tops"),
        gender=dict.fromkeys(titles, "Women"),
        age_group=dict.fromkeys(titles, "adult"),
        size={"B1": "S", "B2": "M", "B3": "S"},
        condition=dict.fromkeys(titles, "new"),
        gtin={"A1": "4006381333931"},
        status={"A1": "active"},
    )


@pytest.fixture(scope="session")
def hostile(listing_of) -> Listing:
    """Products whose every cell is hostile, in groups of four."""
    ids = [f"p{i}" for i in range(len(HOSTILE))]
    text = dict(zip(ids, HOSTILE, strict=True))
    names = ("title", "description", "link", "image_link", "price", "sale_price")
    names += ("brand", "availability", "category", "gender", "age_group", "size")
    names += ("condition", "gtin", "mpn", "status", "material", "pattern", "handle")
    return listing_of(
        [ids[:4], ids[4:]], color=text, image=text, **dict.fromkeys(names, text)
    )
