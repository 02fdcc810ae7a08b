from .products import Products as Products, find_products as find_products
from .server import Engine as Engine, create_app as create_app, serve as serve
