// Functions for native_test.py: every kind of value, and every kind of trouble.
#include <orrery/expose.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>

namespace {

using orrery::Value;

int64_t Plus(int64_t a, int64_t b) { return a + b; }
int8_t Small(int8_t a) { return a; }
uint64_t Huge(bool above) { return above ? ~uint64_t{0} : uint64_t{1} << 62; }
double Half(double x) { return x / 2; }
float Single(float x) { return x; }
bool Not(bool x) { return !x; }
void Nothing() {}
std::string Twice(const std::string& text) { return text + text; }
std::vector<std::byte> Reversed(std::vector<std::byte> bytes) { return {bytes.rbegin(), bytes.rend()}; }
std::vector<std::vector<int>> Square(int n) {
  return std::vector(static_cast<size_t>(n), std::vector<int>(static_cast<size_t>(n), n));
}
std::map<std::string, int> Count(const std::vector<std::string>& words) {
  std::map<std::string, int> counts;
  for (const std::string& word : words) ++counts[word];
  return counts;
}
std::optional<int> Positive(std::optional<int> x) { return x && *x > 0 ? x : std::nullopt; }
std::tuple<int, std::string> Swap(std::pair<std::string, int> pair) { return {pair.second, pair.first}; }
Value Same(Value value) { return value; }
int Throws(int kind) {
  if (kind == 0) throw std::out_of_range("far out");
  throw 3;
}
void Kill() { kill(getpid(), SIGKILL); }
void Sleep(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

const bool exposed =
    orrery::expose<&Plus>("Plus") && orrery::expose<&Small>("Small") && orrery::expose<&Huge>("Huge") &&
    orrery::expose<&Half>("Half") && orrery::expose<&Single>("Single") && orrery::expose<&Not>("Not") &&
    orrery::expose<&Nothing>("Nothing") && orrery::expose<&Twice>("Twice") && orrery::expose<&Reversed>("Reversed") &&
    orrery::expose<&Square>("Square") && orrery::expose<&Count>("Count") && orrery::expose<&Positive>("Positive") &&
    orrery::expose<&Swap>("Swap") && orrery::expose<&Same>("Same") && orrery::expose<&Throws>("Throws") &&
    orrery::expose<&Kill>("Kill") && orrery::expose<&Sleep>("Sleep");

}  // namespace
