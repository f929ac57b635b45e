package vcc

// Find returns the entry that a text names: the one of that ID or, if there is none, the first
// one of that name. key returns an entry's ID and name. found is false where there is neither.
func Find[T any](list []T, nameOrID string, key func(T) (id, name string)) (entry T, found bool) {
	for _, e := range list {
		id, name := key(e)
		if id == nameOrID {
			return e, true
		}
		if !found && SameName(name, nameOrID) {
			entry, found = e, true
		}
	}
	return entry, found
}
