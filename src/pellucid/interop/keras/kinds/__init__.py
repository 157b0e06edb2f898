"""The layers of Keras that can be read, by kin; each file registers its own in `part.KINDS`."""

from pellucid.interop.keras.kinds import convolution as convolution
from pellucid.interop.keras.kinds import cutting as cutting
from pellucid.interop.keras.kinds import merge as merge
from pellucid.interop.keras.kinds import norm as norm
from pellucid.interop.keras.kinds import pooling as pooling
from pellucid.interop.keras.kinds import shape as shape
from pellucid.interop.keras.kinds.activation import activated as activated
from pellucid.interop.keras.kinds.merge import with_number as with_number
from pellucid.interop.keras.kinds.part import KINDS as KINDS
from pellucid.interop.keras.kinds.part import Part as Part
from pellucid.interop.keras.kinds.part import Parts as Parts
from pellucid.interop.keras.kinds.part import Request as Request
from pellucid.interop.keras.kinds.part import Variables as Variables
from pellucid.interop.keras.kinds.part import infer as infer
from pellucid.interop.keras.kinds.part import shape_after as shape_after
