from .build import build_embedder as build_embedder, build_method as build_method
from .byol import BYOL as BYOL
from .method import Method as Method
from .moco import MoCo as MoCo
from .simclr import SimCLR as SimCLR
from .simsiam import SimSiam as SimSiam
from .supcon import SupCon as SupCon
from .triplet import Triplet as Triplet
from .two_views import PartEncoder as PartEncoder, TwoViews as TwoViews
