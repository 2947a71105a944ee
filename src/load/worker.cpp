#include "aiperf/load/worker.hpp"

namespace aiperf::load {

template class Worker<EpollIo>;

}  // namespace aiperf::load
