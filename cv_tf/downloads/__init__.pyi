from .download import default_cache as default_cache, download_photos as download_photos
from .download_run import Downloaded as Downloaded
from .limits import DownloadError as DownloadError, DownloadLimits as DownloadLimits
