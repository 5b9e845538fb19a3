// A parameter server: one actor holds the weights of a line; workers compute gradients on their own share of the
// points, and read and add to the weights whenever they are ready. The server takes calls of several workers at once.
#include <orrery/orrery.h>

#include <cmath>
#include <iostream>
#include <mutex>
#include <utility>
#include <vector>

using Line = std::pair<double, double>;  // slope and intercept

class ParameterServer {
 public:
  Line Pull() {
    const std::lock_guard lock(mutex_);
    return line_;
  }
  void Push(Line gradient) {
    const std::lock_guard lock(mutex_);
    line_.first -= kRate * gradient.first;
    line_.second -= kRate * gradient.second;
  }

 private:
  static constexpr double kRate = 0.1;
  std::mutex mutex_;
  Line line_{0, 0};
};

// Of the mean squared error on the points of y = 3 x - 2 that are this worker's share.
Line Gradient(Line line, int worker, int workers) {
  constexpr int kPoints = 400;
  Line sum{0, 0};
  for (int i = worker; i < kPoints; i += workers) {
    const double x = 2.0 * i / kPoints - 1;
    const double error = line.first * x + line.second - (3 * x - 2);
    sum.first += 2 * error * x / (kPoints / workers);
    sum.second += 2 * error / (kPoints / workers);
  }
  return sum;
}

void Train(const orrery::Actor<ParameterServer>& server, int worker, int workers, int steps) {
  for (int i = 0; i < steps; ++i) {
    const Line line = server.call<&ParameterServer::Pull>().get();
    server.call<&ParameterServer::Push>(Gradient(line, worker, workers)).get();
  }
}

int main(int argc, char** argv) {
  return orrery::main(argc, argv, [](orrery::Session&) {
    constexpr int kWorkers = 3, kSteps = 200;
    const auto server = orrery::actor<ParameterServer>({.max_concurrency = kWorkers})();
    std::vector<orrery::Ref<void>> trained;
    for (int i = 0; i < kWorkers; ++i) trained.push_back(orrery::remote<&Train>(server, i, kWorkers, kSteps));
    orrery::get(trained);
    const Line line = server.call<&ParameterServer::Pull>().get();
    std::cout << "y = " << std::round(line.first * 100) / 100 << " x + " << std::round(line.second * 100) / 100 << "\n";
  });
}
