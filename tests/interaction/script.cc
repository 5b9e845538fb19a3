#include "tests/interaction/script.h"

#include <fstream>
#include <stdexcept>

namespace orrery::test {

Script ReadScript(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path + ": cannot be read");
  Script script;
  std::vector<std::string> comment;
  std::string line;
  int number = 0;
  while (std::getline(in, line)) {
    ++number;
    if (line.empty() || line[0] == '#') {
      comment.push_back(line);
      continue;
    }
    Step step;
    step.comment = std::move(comment);
    comment.clear();
    step.command = line;
    step.line = number;
    ++number;
    if (!std::getline(in, line) || line != "----") {
      throw std::runtime_error(path + ":" + std::to_string(number) + ": expected ---- below \"" + step.command + "\"");
    }
    bool ended = false;
    while (!ended && std::getline(in, line)) {
      ++number;
      ended = line.empty();
      if (!ended) step.expected += line + "\n";
    }
    if (ended) comment.push_back("");
    script.steps.push_back(std::move(step));
  }
  script.trailer = std::move(comment);
  return script;
}

void WriteScript(const std::string& path, const Script& script) {
  std::ofstream out(path);
  for (const Step& step : script.steps) {
    for (const std::string& line : step.comment) out << line << "\n";
    out << step.command << "\n----\n" << step.expected;
  }
  // One empty line less than was read would grow the file with each rewriting.
  for (size_t i = 0; i < script.trailer.size(); ++i) {
    if (i > 0 || !script.trailer[i].empty()) out << script.trailer[i] << "\n";
  }
}

std::vector<std::string> Words(const std::string& command) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false, any = false;
  for (char c : command) {
    if (c == '"') {
      quoted = !quoted;
      any = true;
    } else if (c == ' ' && !quoted) {
      if (any) words.push_back(word);
      word.clear();
      any = false;
    } else {
      word += c;
      any = true;
    }
  }
  if (any) words.push_back(word);
  return words;
}

}  // namespace orrery::test
