"""HDF5, as far as files of weights need it: groups, attributes, and arrays that lie in one piece."""

from pellucid.interop.hdf5.reader import Dataset as Dataset
from pellucid.interop.hdf5.reader import Group as Group
from pellucid.interop.hdf5.reader import open_hdf5 as open_hdf5
from pellucid.interop.hdf5.writer import encode_hdf5 as encode_hdf5
