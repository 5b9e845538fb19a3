// The first program: four tasks, four results.
#include <orrery/orrery.h>

#include <iostream>
#include <vector>

int Square(int x) { return x * x; }

int main(int argc, char** argv) {
  return orrery::main(argc, argv, [](orrery::Session&) {
    std::vector<orrery::Ref<int>> refs;
    for (int i = 0; i < 4; ++i) refs.push_back(orrery::remote<&Square>(i));
    const std::vector<int> squares = orrery::get(refs);
    std::cout << "[";
    for (size_t i = 0; i < squares.size(); ++i) std::cout << (i > 0 ? ", " : "") << squares[i];
    std::cout << "]\n";  // [0, 1, 4, 9]
  });
}
