// A stream that holds `capacity` packets and blocks, as hardware does: its writer and reader are threads.
#ifndef X_HLS_STREAM_SIM_H
#define X_HLS_STREAM_SIM_H

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>

namespace hls {

template <typename T> class stream {
  public:
    size_t capacity = size_t(-1);
    stream() {}
    explicit stream(const char *) {}
    stream(const stream &) = delete;

    void write(const T &x) {
        std::unique_lock<std::mutex> lock(mutex_);
        wait(lock, [&] { return packets_.size() < capacity; });
        packets_.push_back(x);
        changed_.notify_all();
    }

    T read() {
        std::unique_lock<std::mutex> lock(mutex_);
        wait(lock, [&] { return !packets_.empty(); });
        T x = packets_.front();
        packets_.pop_front();
        changed_.notify_all();
        return x;
    }

  private:
    std::deque<T> packets_;
    std::mutex mutex_;
    std::condition_variable changed_;

    template <class Ready> void wait(std::unique_lock<std::mutex> &lock, Ready ready) {
        if (!changed_.wait_for(lock, std::chrono::seconds(5), ready)) {
            std::puts("DEADLOCK");
            std::fflush(stdout);
            std::_Exit(3);
        }
    }
};

} // namespace hls

#endif
