// A stream that holds `capacity` packets and blocks, as hardware does: its writer and reader are threads.
// Where all threads that have not finished wait, they wait for ever: the program says so and ends. No clock is asked.
#ifndef X_HLS_STREAM_SIM_H
#define X_HLS_STREAM_SIM_H

#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>

namespace hls {

struct network {
    std::mutex mutex;
    std::condition_variable changed;
    size_t running = 0, waiting = 0; // threads; `waiting` have looked since the last change
    size_t changes = 0;

    void change() {
        waiting = 0;
        changes++;
        changed.notify_all();
    }

    template <class Ready> void wait(std::unique_lock<std::mutex> &lock, Ready ready) {
        while (!ready()) {
            if (++waiting == running) {
                std::puts("DEADLOCK");
                std::fflush(stdout);
                std::_Exit(3);
            }
            const size_t seen = changes;
            changed.wait(lock, [&] { return changes != seen; });
        }
    }
};

inline network &net() {
    static network one;
    return one;
}

inline void start(size_t threads) { net().running = threads; }

inline void finish() {
    std::unique_lock<std::mutex> lock(net().mutex);
    net().running--;
    net().change();
}

template <typename T> class stream {
  public:
    size_t capacity = size_t(-1);
    stream() {}
    explicit stream(const char *) {}
    stream(const stream &) = delete;

    void write(const T &x) {
        std::unique_lock<std::mutex> lock(net().mutex);
        net().wait(lock, [&] { return packets_.size() < capacity; });
        packets_.push_back(x);
        net().change();
    }

    T read() {
        std::unique_lock<std::mutex> lock(net().mutex);
        net().wait(lock, [&] { return !packets_.empty(); });
        T x = packets_.front();
        packets_.pop_front();
        net().change();
        return x;
    }

  private:
    std::deque<T> packets_;
};

} // namespace hls

#endif
