#include "runtime/transport/local_nodes.h"

#include <dirent.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include "runtime/common/node_flags.h"

namespace orrery {

namespace {

std::vector<std::string> WordsOf(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/cmdline");
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

// The value of a label in "--labels=a=b,c=d", or "".
std::string LabelIn(const std::string& word, const std::string& label) {
  constexpr const char* kFlag = "--labels=";
  if (!word.starts_with(kFlag)) return "";
  const std::string listed = "," + word.substr(std::strlen(kFlag)) + ",";
  const size_t at = listed.find("," + label + "=");
  if (at == std::string::npos) return "";
  const size_t begin = at + label.size() + 2;
  return listed.substr(begin, listed.find(',', begin) - begin);
}

}  // namespace

std::map<uint64_t, LocalNodeProcess> FindLocalNodes(const std::string& session_dir) {
  std::map<uint64_t, LocalNodeProcess> nodes;
  DIR* directory = opendir("/proc");
  if (directory == nullptr) return nodes;
  while (const dirent* entry = readdir(directory)) {
    int pid = 0;
    const std::string name = entry->d_name;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    bool ours = false;
    uint64_t instance = 0;
    std::string type;
    for (const std::string& word : WordsOf(name)) {  // of a zombie there are none
      ours |= word == "--session=" + session_dir;
      if (const std::string number = LabelIn(word, kInstanceLabel); !number.empty())
        instance = std::strtoull(number.c_str(), nullptr, 10);
      if (const std::string found = LabelIn(word, kNodeTypeLabel); !found.empty()) type = found;
    }
    if (ours && instance != 0) nodes[instance] = {pid, type};
  }
  closedir(directory);
  return nodes;
}

}  // namespace orrery
