// A process that echoes what it gets, for tests that kill or stop it. Arguments: socket folder ("" for TCP), token.
// Prints its address, then runs until killed; dies with its parent.
#include <unistd.h>

#include <cstdio>

#include "runtime/transport/endpoint.h"
#include "runtime/transport/host.h"
#include "tests/conformance/script.h"

int main(int argc, char** argv) {
  using namespace orrery;
  if (argc != 3) return 2;
  DieWithParent(getppid());
  auto env = LiveEnv::Create({.role = "peer", .socket_dir = argv[1], .token = argv[2]});
  if (!env.ok()) {
    std::fprintf(stderr, "%s\n", env.status().message().c_str());
    return 1;
  }
  Script script;
  script.on_message = [](Env& self, const Address& from, uint64_t number) { self.Send(from, MakeLoad(number, 100)); };
  ScriptMachine machine(**env, script);
  (*env)->SetStateMachine(&machine);
  std::printf("%s\n", ToString((*env)->address()).c_str());
  std::fflush(stdout);
  (*env)->Run();
  return 0;
}
