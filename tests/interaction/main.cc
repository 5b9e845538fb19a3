// interaction_runner FILE...: runs each story and compares. ORRERY_REWRITE=1 writes what happened into the files
// instead.
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>

#include "tests/interaction/script.h"
#include "tests/interaction/story.h"

namespace orrery::test {

// Returns whether the file tells what happened.
bool RunFile(const std::string& path, bool rewrite) {
  Script script = ReadScript(path);
  Story story;
  bool same = true;
  for (Step& step : script.steps) {
    std::string actual;
    try {
      actual = story.Run(step.command);
    } catch (const std::exception& error) {
      throw std::runtime_error(path + ":" + std::to_string(step.line) + ": " + step.command + ": " + error.what());
    }
    if (actual == step.expected) continue;
    if (!rewrite) {
      std::cout << path << ":" << step.line << ": " << step.command << "\n--- expected\n"
                << step.expected << "--- happened\n"
                << actual << "\n";
      same = false;
      break;  // what follows would differ for the same reason
    }
    step.expected = actual;
  }
  if (rewrite) WriteScript(path, script);
  return same;
}

}  // namespace orrery::test

int main(int argc, char** argv) {
  const char* rewrite = std::getenv("ORRERY_REWRITE");
  bool same = true;
  try {
    for (int i = 1; i < argc; ++i) same &= orrery::test::RunFile(argv[i], rewrite != nullptr && *rewrite == '1');
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
  return same ? 0 : 1;
}
