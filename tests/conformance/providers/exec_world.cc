// The example program under the suite, through the exec provider.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <sstream>

#include "runtime/providers/exec_provider.h"
#include "tests/conformance/providers/live_world.h"

namespace orrery {
namespace {

// The node that the program is told to start: notes that, and waits.
constexpr const char* kNode =
    "import sys, time\nopen(sys.argv[1], 'a').write(sys.argv[-2] + '\\n')\ntime.sleep(1000)\n";

class ExecWorld final : public LiveProviderWorld {
 public:
  ExecWorld() { Begin(); }
  ~ExecWorld() override { End(); }
  void EndByItself(const std::string&, uint64_t instance) override {
    std::ifstream file(folder() + "/machines/demo/" + std::to_string(instance) + ".json");
    std::stringstream text;
    text << file.rdbuf();
    const size_t at = text.str().find("\"pid\": ");
    ASSERT_NE(at, std::string::npos);
    kill(std::stoi(text.str().substr(at + 7)), SIGKILL);
  }
  int Starts(uint64_t instance) override {
    std::ifstream file(folder() + "/starts");
    int starts = 0;
    for (std::string line; std::getline(file, line);) starts += line == "--name=small-" + std::to_string(instance);
    return starts;
  }

 private:
  std::unique_ptr<LocalEndpoint> MakeProvider(LiveEnv& env) override {
    ExecProviderOptions options;
    options.program = {PROVIDER_EXAMPLE, folder() + "/machines", "--most", std::to_string(kQuota)};
    options.cluster = "demo";
    options.types["small"].start_words = {"/usr/bin/python3", "-c", kNode, folder() + "/starts"};
    return std::make_unique<ExecProvider>(env, options);
  }
};

}  // namespace

std::unique_ptr<ProviderWorld> ProviderWorld::Make() { return std::make_unique<ExecWorld>(); }

}  // namespace orrery
