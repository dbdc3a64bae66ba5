"""Never ends at import, and swallows every exception that would end it."""


def forever():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


forever()


class ReLULayer:
    pass
