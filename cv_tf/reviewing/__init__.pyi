from .asking import Question as Question, Review as Review
from .messages import Asked as Asked
from .products import Products as Products, find_products as find_products
from .random_share import Quality as Quality, RandomShare as RandomShare
from .server import Engine as Engine, create_app as create_app, serve as serve
from .whole_catalog import catalog_quality as catalog_quality
