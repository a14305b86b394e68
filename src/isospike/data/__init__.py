"""Images and texts for calibration and testing: one specification string, one loader of batches."""

from isospike.data import cifar10 as cifar10
from isospike.data import digits as digits
from isospike.data import imagefolder as imagefolder
from isospike.data import npz as npz
from isospike.data import tsv as tsv
from isospike.data.preprocess import IMAGENET as IMAGENET
from isospike.data.preprocess import Preprocess as Preprocess
from isospike.data.source import open_data as open_data
from isospike.data.source import sources as sources
from isospike.data.tokenise import Tokenise as Tokenise
