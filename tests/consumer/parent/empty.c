/* The program of the parent project without lamella. */
int main(void) { return 0; }
