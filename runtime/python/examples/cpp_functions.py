"""C++ functions called from Python by name. statistics.cc beside this file is their source; the argument is its library:
g++ -std=c++20 -shared -fPIC -I build/release/generated statistics.cc -o libstatistics.so"""
import sys

import orrery as ray


@ray.remote
def measure(n):
    return [float(i % 10) for i in range(n)]


ray.init(code_search_path=[sys.argv[1]])
describe = ray.cpp_function("Describe")
for summary in ray.get([describe.remote(measure.remote(n)) for n in (10, 20)]):
    print({key: round(value, 3) for key, value in summary.items()})
try:
    ray.get(ray.cpp_function("Mean").options(max_retries=0).remote([]))
except RuntimeError as error:
    print(str(error).splitlines()[0])
