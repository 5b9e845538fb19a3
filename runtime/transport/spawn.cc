#include "runtime/transport/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

extern char** environ;

namespace orrery {

namespace {

// The null-terminated array that C wants.
std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> entries;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string entry = *at;
    if (added.count(entry.substr(0, entry.find('='))) == 0) entries.push_back(entry);
  }
  for (const auto& [name, value] : added) entries.push_back(name + "=" + value);
  return entries;
}

void AddDescriptors(const SpawnRequest& request, posix_spawn_file_actions_t* actions) {
  if (request.log.empty()) {
    posix_spawn_file_actions_adddup2(actions, request.input, 0);
    posix_spawn_file_actions_adddup2(actions, request.output, 1);
    posix_spawn_file_actions_adddup2(actions, request.errors, 2);
  } else {
    posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(actions, 1, request.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(actions, 1, 2);
  }
  if (request.ready >= 0) posix_spawn_file_actions_adddup2(actions, request.ready, SpawnRequest::kReadyFd);
  posix_spawn_file_actions_addclosefrom_np(actions, SpawnRequest::kReadyFd + (request.ready >= 0 ? 1 : 0));
  if (!request.folder.empty()) posix_spawn_file_actions_addchdir_np(actions, request.folder.c_str());
}

}  // namespace

int Spawn(const SpawnRequest& request, pid_t* pid) {
  const std::vector<std::string> variables = Environment(request.environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  AddDescriptors(request, &actions);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  const int group = request.session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP;
  posix_spawnattr_setflags(&attributes, static_cast<short>(group | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  const int error = posix_spawnp(pid, request.words.front().c_str(), &actions, &attributes,
                                 Pointers(request.words).data(), Pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace orrery
