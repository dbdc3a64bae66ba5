"""Changes the working directory, the mask, the locale, the environment and the path."""
import locale
import os
import sys

from wrong import Wrong

os.umask(0o777)
os.environ.clear()
sys.path.clear()
sys.meta_path.clear()
sys.argv.clear()
try:
    os.chdir("/")
    locale.setlocale(locale.LC_ALL, "C")
except (OSError, locale.Error):
    pass


class ReLULayer(Wrong):
    pass
