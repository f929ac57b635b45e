package vcc

// Limits of a page.
const (
	DefaultPageLimit = 200
	MaxPageLimit     = 1000
)

// Page selects part of a list: at most Limit entries after the first Skip.
type Page struct {
	Skip, Limit int
	// After, for default gateways alone, is the network ID of the last entry that was read, ""
	// if there is none. The page then begins behind that network, whatever Skip, and costs
	// nothing for the entries before. Where the network is gone Skip counts.
	After string
}

// All reads every page of a list. What is added or removed meanwhile may be missed or
// returned twice.
func All[T any](list func(Page) ([]T, int, error)) ([]T, error) {
	var all []T
	for {
		entries, total, err := list(Page{Skip: len(all), Limit: MaxPageLimit})
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = entries
		} else {
			all = append(all, entries...)
		}
		if len(entries) == 0 || len(all) >= total {
			return all, nil
		}
	}
}
