from .drift import (
    Baseline as Baseline,
    Check as Check,
    Drift as Drift,
    Measured as Measured,
    Share as Share,
    compare_with_baseline as compare_with_baseline,
    ks_distance as ks_distance,
    read_drift as read_drift,
    similarities_to_nearest as similarities_to_nearest,
    write_drift as write_drift,
)
from .known_photos import (
    KnownPhotos as KnownPhotos,
    PhotoPlan as PhotoPlan,
    contents_of as contents_of,
    newest_photos as newest_photos,
)
from .measuring import measure_drift as measure_drift
from .nightly_vectors import NightlyVectors as NightlyVectors
from .state_folder import (
    LastRun as LastRun,
    StateError as StateError,
    StateFolder as StateFolder,
)
