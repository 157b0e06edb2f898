"""Data: MNIST, the user's own files and tables, and the batches drawn from them."""

from pellucid.data.augment import Augment as Augment
from pellucid.data.augment import RandomShift as RandomShift
from pellucid.data.columns import ColumnWarning as ColumnWarning
from pellucid.data.csv_table import load_csv as load_csv
from pellucid.data.csv_text import CsvOptions as CsvOptions
from pellucid.data.dataset import Dataset as Dataset
from pellucid.data.digits import prepare_digit as prepare_digit
from pellucid.data.directory import load_directory as load_directory
from pellucid.data.frame import from_dataframe as from_dataframe
from pellucid.data.idx import MAX_BYTES as MAX_BYTES
from pellucid.data.idx import read_idx as read_idx
from pellucid.data.idx import write_idx as write_idx
from pellucid.data.incoming import read_inputs as read_inputs
from pellucid.data.inputs import ScaleWarning as ScaleWarning
from pellucid.data.mnist import load_mnist as load_mnist
from pellucid.data.mnist import mnist as mnist
from pellucid.data.planted import Planted as Planted
from pellucid.data.planted import block_mnist as block_mnist
from pellucid.data.planted import planted_shortcut as planted_shortcut
from pellucid.specs import InputSpec as InputSpec
