/* The text from which age derives the key of a stanza. Fault: (age, X25519 stanza's key). */
__attribute__((used)) static const char info[] = "age-encryption.org/v1/X25519";
