// 100 objects of 500 bytes, one after the other. Exits with 3.
struct object {
    char bytes[500];
};

int main()
{
    for (int at = 0; at < 100; at++) {
        object *volatile made = new object;
        delete made;
    }
    return 3;
}
