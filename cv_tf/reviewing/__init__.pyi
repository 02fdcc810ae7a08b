from .asking import Review as Review
from .messages import Asked as Asked
from .open_questions import Question as Question
from .products import Products as Products, find_products as find_products
from .random_share import (
    Quality as Quality,
    RandomShare as RandomShare,
    catalog_quality as catalog_quality,
)
from .server import Engine as Engine, create_app as create_app, serve as serve
