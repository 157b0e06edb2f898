"""Networks of ours as models of Keras: the layers by kin, each file with its own in the register of `entry`."""

from pellucid.interop.keras.write import linear as linear
from pellucid.interop.keras.write import others as others
from pellucid.interop.keras.write.entry import Entry as Entry
from pellucid.interop.keras.write.entry import Given as Given
from pellucid.interop.keras.write.entry import entries_of as entries_of
