from .listing import (
    Listing as Listing,
    Note as Note,
    Notes as Notes,
    ShopFileError as ShopFileError,
    ShopFileSummary as ShopFileSummary,
)
from .write_files import (
    ShopFileSettings as ShopFileSettings,
    ShopFormatSettings as ShopFormatSettings,
    check_shop_file as check_shop_file,
    check_shop_settings as check_shop_settings,
    fill_shop_files as fill_shop_files,
    shop_file_paths as shop_file_paths,
    shop_file_suffix as shop_file_suffix,
    write_shop_file as write_shop_file,
)
