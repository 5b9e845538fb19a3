"""What becomes of a task that fails: the original exception's class, and where it was raised."""
import orrery as ray


@ray.remote
def parse(text):
    return int(text)


ray.init()
try:
    ray.get(parse.remote("twelve"))
except ValueError as error:
    print("caught:", error.__cause__)
