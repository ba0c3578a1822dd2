// Runs tiny on one input over and over, and prints the class and the time that it took.
#include <tiny.h>

static int8_t input[TINY_IN];  // fill it with your sensor's data, quantised as tiny.h says
static int16_t output[TINY_OUT];
static uint32_t arena[(TINY_ARENA_BYTES + 3) / 4];

void setup() {
    Serial.begin(115200);
}

void loop() {
    const unsigned long start = micros();
    const int error = tiny_predict(input, output, arena);
    const unsigned long end = micros();
    if (error != TINY_OK) {
        Serial.print("error ");
        Serial.println(error);
    } else {
        Serial.print("class ");
        Serial.print(tiny_argmax(output));
        Serial.print(" in ");
        Serial.print(end - start);
        Serial.println(" us");
    }
    delay(1000);
}
