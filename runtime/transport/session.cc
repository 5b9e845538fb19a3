#include "runtime/transport/session.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "runtime/transport/socket_internal.h"
#include "runtime/transport/spill_files.h"

namespace orrery {

namespace {

struct ProcessState {
  char letter = '?';
  uint64_t start_time = 0;
};

// Fields 3 and 22 of /proc/<pid>/stat; the name before them may contain anything, so they are counted from its last
// ')'.
std::optional<ProcessState> ReadProcess(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  ProcessState state;
  fields >> state.letter;
  std::string skipped;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  fields >> state.start_time;
  return state;
}

std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> names;
  if (DIR* directory = opendir(folder.c_str())) {
    while (const dirent* entry = readdir(directory)) {
      if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    }
    closedir(directory);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status MakePrivateFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return Status::Ok();
  if (errno != EEXIST) return ErrnoStatus("cannot create " + path, errno);
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return ErrnoStatus("cannot look at " + path, errno);
  if (!S_ISDIR(info.st_mode)) return {StatusCode::kPermissionDenied, path + " is not a folder"};
  if (info.st_uid != geteuid()) return {StatusCode::kPermissionDenied, path + " belongs to another user"};
  if ((info.st_mode & 077) != 0) {
    return {StatusCode::kPermissionDenied, path + " is open to others; run: chmod 700 " + path};
  }
  return Status::Ok();
}

// Complete or not at all, also for readers at this moment.
Status WriteFile(const std::string& path, const std::string& content) {
  const std::string temporary = path + ".new." + std::to_string(getpid());
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus("cannot write " + temporary, errno);
  const bool written = write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size());
  const int error = errno;
  close(fd);
  if (written && rename(temporary.c_str(), path.c_str()) == 0) return Status::Ok();
  unlink(temporary.c_str());
  return ErrnoStatus("cannot write " + path, error);
}

std::optional<DaemonRecord> ReadRecord(const std::string& path) {
  std::ifstream file(path);
  const nlohmann::json json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  DaemonRecord record;
  try {
    record.pid = json.at("pid");
    record.start_time = json.at("start_time");
    record.role = json.at("role");
    record.node_name = json.at("node_name");
    record.address = json.at("address");
    record.gcs_address = json.at("gcs_address");
    record.head = json.at("head");
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  return record;
}

bool NobodyListens(const std::string& path) {
  int error = 0;
  Result<Dialled> dialled = DialUnix(path, &error);
  if (dialled.ok()) close(dialled->fd);
  return error == ECONNREFUSED;
}

}  // namespace

uint64_t ProcessStartTime(int pid) {
  const std::optional<ProcessState> state = ReadProcess(pid);
  return state ? state->start_time : 0;
}

bool IsAlive(const DaemonRecord& record) {
  const std::optional<ProcessState> state = ReadProcess(record.pid);
  return state && state->start_time == record.start_time && state->letter != 'Z' && state->letter != 'X';
}

std::string Session::DefaultFolder() {
  if (const char* chosen = getenv("ORRERY_SESSION_DIR"); chosen != nullptr && *chosen != '\0') return chosen;
  const char* runtime = getenv("XDG_RUNTIME_DIR");
  struct stat info {};
  if (runtime != nullptr && *runtime != '\0' && stat(runtime, &info) == 0 && S_ISDIR(info.st_mode)) {
    return std::string(runtime) + "/orrery";
  }
  return "/tmp/orrery-" + std::to_string(geteuid());
}

Result<Session> Session::Open(std::string folder) {
  Session session(std::move(folder));
  for (const std::string& path :
       {session.folder_, session.socket_dir(), session.log_dir(), session.folder_ + "/records"}) {
    Status status = MakePrivateFolder(path);
    if (!status.ok()) return status;
  }
  return session;
}

Result<std::string> ReadTokenFile(const std::string& path) {
  std::ifstream file(path);
  struct stat info {};
  if (!file || stat(path.c_str(), &info) != 0) {
    return Status(StatusCode::kNotFound, "no cluster token at " + path + "; the head's first start makes one");
  }
  if ((info.st_mode & 077) != 0) {
    return Status(StatusCode::kPermissionDenied, path + " is open to others; run: chmod 600 " + path);
  }
  std::string token((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  while (!token.empty() && std::isspace(static_cast<unsigned char>(token.back())) != 0) token.pop_back();
  if (token.empty()) return Status(StatusCode::kInvalidArgument, path + " is empty");
  return token;
}

Result<std::string> Session::CreateToken() const {
  if (access(token_file().c_str(), F_OK) == 0) return ReadTokenFile(token_file());
  std::array<uint8_t, 32> entropy{};
  ORRERY_ASSERT(getrandom(entropy.data(), entropy.size(), 0) == static_cast<ssize_t>(entropy.size()));
  std::string token;
  for (uint8_t byte : entropy) {
    std::array<char, 3> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x", byte);
    token += hex.data();
  }
  const std::string fresh = token_file() + "." + std::to_string(getpid());
  Status status = WriteFile(fresh, token + "\n");
  if (!status.ok()) return status;
  // Another head may be doing the same: the first link wins, both read its token.
  [[maybe_unused]] const int linked = link(fresh.c_str(), token_file().c_str());
  unlink(fresh.c_str());
  return ReadTokenFile(token_file());
}

Status Session::WriteRecord(DaemonRecord record) const {
  record.pid = getpid();
  record.start_time = ProcessStartTime(record.pid);
  const nlohmann::ordered_json json = {{"pid", record.pid},         {"start_time", record.start_time},
                                       {"role", record.role},       {"node_name", record.node_name},
                                       {"address", record.address}, {"gcs_address", record.gcs_address},
                                       {"head", record.head}};
  return WriteFile(folder_ + "/records/" + std::to_string(record.pid) + ".json", json.dump(2) + "\n");
}

void Session::RemoveRecord(int pid) const { unlink((folder_ + "/records/" + std::to_string(pid) + ".json").c_str()); }

std::vector<DaemonRecord> Session::Records() const {
  std::vector<DaemonRecord> records;
  for (const std::string& name : FilesIn(folder_ + "/records")) {
    const std::string path = folder_ + "/records/" + name;
    if (!name.ends_with(".json")) continue;
    std::optional<DaemonRecord> record = ReadRecord(path);
    if (record && IsAlive(*record)) {
      records.push_back(*record);
    } else {
      unlink(path.c_str());
    }
  }
  std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
  return records;
}

void RemoveStaleSockets(const std::string& socket_dir) {
  for (const std::string& name : FilesIn(socket_dir)) {
    const std::string path = socket_dir + "/" + name;
    if (name.ends_with(".sock") || name.ends_with(".store")) {
      if (NobodyListens(path)) unlink(path.c_str());
      continue;
    }
    // "<port>.sock.<pid>" or "<port>.store.<pid>": a socket whose owner ended before it got its final name.
    int pid = 0;
    const std::string digits = name.substr(name.rfind('.') + 1);
    std::from_chars(digits.data(), digits.data() + digits.size(), pid);
    if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH) unlink(path.c_str());
  }
}

void Session::CleanStale() const {
  (void)Records();
  RemoveStaleSockets(socket_dir());
  SweepSpillFolder(spill_dir());
}

void Session::RemoveClusterState() const {
  for (const char* suffix : {"", "-wal", "-shm"}) unlink((gcs_state_file() + suffix).c_str());
  for (const std::string& name : FilesIn(instance_dir())) unlink((instance_dir() + "/" + name).c_str());
  rmdir(instance_dir().c_str());
}

void Session::RemoveIfUnused() const {
  rmdir(socket_dir().c_str());
  rmdir((folder_ + "/records").c_str());
}

}  // namespace orrery
