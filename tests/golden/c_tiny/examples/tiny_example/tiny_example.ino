// Runs tiny on one input over and over, and prints the class and the time that it took.
#include <tiny.h>

static uint32_t arena[(TINY_ARENA_BYTES + 3) / 4];
static int8_t *const input = (int8_t *)arena + TINY_IN_AT;  // no memory of its own: each call overwrites it
static int16_t output[TINY_OUT];

void setup() {
    Serial.begin(115200);
}

void loop() {
    for (unsigned int i = 0; i < TINY_IN; i++) {
        input[i] = TINY_IN_LO;  // your sensor's data, quantised as tiny.h says
    }
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
