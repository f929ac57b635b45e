package httpapi

// Places are places of a test's.
type Places = places

// The functions of places.
var (
	NewPlaces  = newPlaces
	ErrCrowded = errCrowded
	Take       = (*places).take
	Give       = (*places).give
	Load       = (*places).load
)

// Keys is how many keys places know.
func (p *places) Keys() int { return len(p.keys) }
