"""Models of Keras: read without Keras, and written so that Keras opens them."""

from pellucid.interop.keras.load import load_keras as load_keras
from pellucid.interop.keras.save import save_keras as save_keras
