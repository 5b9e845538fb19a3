// What a task needs decides where it runs; what cannot run anywhere is said at once.
#include <orrery/orrery.h>

#include <iostream>
#include <string>

std::string WhereAmI() {
  const orrery::Context context = orrery::context();
  std::string text = "on a node";
  for (uint32_t gpu : context.gpu_ids) text += ", GPU " + std::to_string(gpu);
  return text;
}

int main(int argc, char** argv) {
  orrery::SessionOptions cluster{.address = "local", .num_cpus = 2, .num_gpus = 2, .resources = {{"licence", 1}}};
  return orrery::main(
      argc, argv,
      [](orrery::Session& session) {
        std::cout << orrery::task<&WhereAmI>({.num_cpus = 0.5, .name = "half a core"})().get() << "\n";
        std::cout << orrery::task<&WhereAmI>({.num_gpus = 2, .resources = {{"licence", 1}}})().get() << "\n";
        std::cout << orrery::task<&WhereAmI>({.strategy = orrery::NodeAffinity(session.node())})().get() << "\n";
        try {
          orrery::task<&WhereAmI>({.num_cpus = 64, .strategy = orrery::NodeAffinity(session.node())})().get();
        } catch (const orrery::InfeasibleError&) {
          std::cout << "no such node\n";
        }
      },
      cluster);
}
