// The local provider under the suite. Its nodes are a program that notes its start and waits.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <fstream>

#include "runtime/providers/local_provider.h"
#include "runtime/transport/local_nodes.h"
#include "tests/conformance/providers/live_world.h"

namespace orrery {
namespace {

class LocalWorld final : public LiveProviderWorld {
 public:
  LocalWorld() {
    program_ = folder() + "/node";
    std::ofstream(program_) << "#!/usr/bin/python3\n"
                               "import sys, time\n"
                               "open('" +
                                   folder() +
                                   "/starts', 'a').write(' '.join(sys.argv) + '\\n')\n"
                                   "time.sleep(1000)\n";
    chmod(program_.c_str(), 0700);
    Begin();
  }
  ~LocalWorld() override { End(); }
  void EndByItself(const std::string&, uint64_t instance) override {
    const auto nodes = FindLocalNodes(folder());
    ASSERT_EQ(nodes.count(instance), 1u);
    kill(nodes.at(instance).pid, SIGKILL);
  }
  int Starts(uint64_t instance) override {
    std::ifstream file(folder() + "/starts");
    int starts = 0;
    for (std::string line; std::getline(file, line);)
      starts += line.find("--name=small-" + std::to_string(instance) + " ") != std::string::npos ||
                line.ends_with("--name=small-" + std::to_string(instance));
    return starts;
  }

 private:
  std::unique_ptr<LocalEndpoint> MakeProvider(LiveEnv& env) override {
    LocalProviderOptions options;
    options.executable = program_;
    options.session_dir = folder();
    options.types["small"] = {ResourceSet::Cpu(1), {{"zone", "a"}}};
    options.max_instances = kQuota;
    return LocalProvider::Create(env, options).value();
  }
  std::string program_;
};

}  // namespace

std::unique_ptr<ProviderWorld> ProviderWorld::Make() { return std::make_unique<LocalWorld>(); }

}  // namespace orrery
